"""Study what makes weights important; ``python analyses/importance_vs_length.py --help`` lists the options."""

from length_study.study import STUDY

if __name__ == "__main__":
    STUDY.main()
