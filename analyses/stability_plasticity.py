"""Study stability and plasticity; ``python analyses/stability_plasticity.py --help`` lists the options."""

from front_study.study import STUDY

if __name__ == "__main__":
    STUDY.main()
