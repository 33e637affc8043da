# Fake ones, for development.
saltern:
  gerrit:
    password: not-a-secret-gerrit
gerrit:
  ssh_host_key: |
    -----BEGIN OPENSSH PRIVATE KEY-----
    b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW
    QyNTUxOQAAACB19Z5535JbSKDqx8KXbpENrpHA9Z+bVeBfgnqh3QCBYgAAAKBZdsAIWXbA
    CAAAAAtzc2gtZWQyNTUxOQAAACB19Z5535JbSKDqx8KXbpENrpHA9Z+bVeBfgnqh3QCBYg
    AAAEAnzvh34E4OnsQZk4fXXN5XiBUJm3l42mJ9R0v5fIkuA3X1nnnfkltIoOrHwpdukQ2u
    kcD1n5tV4F+CeqHdAIFiAAAAGWdlcnJpdEBkZXYgKG5vdCBhIHNlY3JldCkBAgME
    -----END OPENSSH PRIVATE KEY-----
  secure:
    auth:
      registerEmailPrivateKey: bm90IGEgc2VjcmV0OiB0aGUgZS1tYWlsIGtleSBvZiBkZXYhIQ==
      restTokenPrivateKey: bm90IGEgc2VjcmV0OiB0aGUgdG9rZW4ga2V5IG9mIGRldiEhIQ==
  web_users:
    dev: $6$saltern$tSsKp3d6BmTWPDE0KknewzBiTKOOY.STWhkPWxqlEw0lMZHi0/1lLm7/mB5mCJ14dXGd6CbwCKJfl/avHKnlt/
  accounts:
    mirror:
      password: not-a-secret-mirror
    zuul:
      password: not-a-secret-zuul
