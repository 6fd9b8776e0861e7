dist_noinst_SCRIPTS += %D%/analyse %D%/check %D%/packages.sh %D%/quickstart
EXTRA_DIST += %D%/cppcheck.cfg %D%/cppcheck-auto.cfg
