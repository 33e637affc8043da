include:
  - tls
  - zuul.account
  - zuul.install
  - zuul.config
