dist_noinst_SCRIPTS += %D%/analyse %D%/check %D%/packages.sh %D%/quickstart
