"""Parts of the analysis of linear and student-teacher networks."""
