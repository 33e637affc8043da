# The accounts that upload artifacts in the lab. The private halves of the keys, thrown away with the
# lab, are artifacts-upload.key (release) and artifacts-check.key beside this file.
artifacts:
  contexts:
    check: {public: false, keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKeuC0E4KzHDq/w0O8Y+qd+08/uGiwdfLz/sqOxG8uBm artifacts-check@lab]}
    release: {public: true, keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKoul0Er0HNDuywOD6A7mAW8mGpvX7fK5FLnFgejVEvm artifacts-upload@lab]}
