# A fake one, for development; its public half is in test_node.sls.
zuul:
  executor:
    ssh_key: |
      -----BEGIN OPENSSH PRIVATE KEY-----
      b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW
      QyNTUxOQAAACBEwF62b49egPMYNw3dZC3y/makXqB2D9qbDtSVCWRRQAAAAKC3IoFetyKB
      XgAAAAtzc2gtZWQyNTUxOQAAACBEwF62b49egPMYNw3dZC3y/makXqB2D9qbDtSVCWRRQA
      AAAEBaNCpQyBsaKq8WVxn7l+NphEumQsUmuAbR3Tp6zFvwYETAXrZvj16A8xg3Dd1kLfL+
      ZqReoHYP2psO1JUJZFFAAAAAHXp1dWwtbm9kZXNAbGFiIChub3QgYSBzZWNyZXQp
      -----END OPENSSH PRIVATE KEY-----
