"""python -m copympi"""

from copympi.cli import main

if __name__ == "__main__":
    main()
