"""Study importances on recorded data; ``python analyses/importance_on_real_data.py --help`` lists the options."""

from real_data_study.study import main

if __name__ == "__main__":
    main()
