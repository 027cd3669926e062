"""Study linear networks with known memory; ``python analyses/linear_rnn.py --help`` lists the options."""

from linear_study.study import STUDY

if __name__ == "__main__":
    STUDY.main()
