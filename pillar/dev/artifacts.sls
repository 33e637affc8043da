# The accounts that upload artifacts in the lab. The private half of the key, thrown away with the
# lab, is artifacts-upload.key beside this file.
artifacts:
  contexts:
    check: {public: false, keys: []}
    release: {public: true, keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKoul0Er0HNDuywOD6A7mAW8mGpvX7fK5FLnFgejVEvm artifacts-upload@lab]}
