# files of contrib
EXTRA_DIST += %D%/systemd/kvmig-controller.service
