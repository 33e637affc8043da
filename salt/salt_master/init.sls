include:
  - salt_master.account
  - salt_minion.restart
  - salt_master.gpg
  - salt_master.library
  - salt_master.config
  - salt_master.key
  - ca
  - salt_master.backup
  - salt_master.service
