# Fake ones, for development.
zuul:
  keystore_password: not-a-secret-keystore
  gerrit:
    password: not-a-secret-zuul
    ssh_key: |
      -----BEGIN OPENSSH PRIVATE KEY-----
      b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW
      QyNTUxOQAAACCWR4bKHmT3Iwo1BtJD6dJxPSR9KXLuAr2O7lt8Jnq68AAAAKgy/+kHMv/p
      BwAAAAtzc2gtZWQyNTUxOQAAACCWR4bKHmT3Iwo1BtJD6dJxPSR9KXLuAr2O7lt8Jnq68A
      AAAECwUF3yPbSRH4NI3eGPyEtUemowKq+OMcIfqXsvGwfjw5ZHhsoeZPcjCjUG0kPp0nE9
      JH0pcu4CvY7uW3wmerrwAAAAHnp1dWwtZ2Vycml0QGxhYiAobm90IGEgc2VjcmV0KQECAw
      QFBgc=
      -----END OPENSSH PRIVATE KEY-----
