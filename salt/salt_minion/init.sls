include:
  - salt_minion.restart
  - salt_minion.library
  - salt_minion.config
  - salt_minion.service
