# files of tests/cli
