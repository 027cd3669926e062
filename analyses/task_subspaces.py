"""Study importances, subspaces and heads; ``python analyses/task_subspaces.py --help`` lists the options."""

from subspace_study.study import STUDY

if __name__ == "__main__":
    STUDY.main()
