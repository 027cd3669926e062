"""Compare continual-learning methods; ``python analyses/method_comparison.py --help`` lists the options."""

from method_study.study import main

if __name__ == "__main__":
    main()
