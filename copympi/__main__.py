"""python -m copympi"""

from copympi.cli.main import main

if __name__ == "__main__":
    main()
