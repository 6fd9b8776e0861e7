# files of tests/lab
