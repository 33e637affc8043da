# Made for development; the public half is in no server but those of the lab.
salt_master:
  events:
    private_key: |
      -----BEGIN OPENSSH PRIVATE KEY-----
      b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW
      QyNTUxOQAAACBxPm0kM95rhC9YuwsYw/sD+eBn3BL/hlQV3Sjnb2FtYAAAAJBTDoQSUw6E
      EgAAAAtzc2gtZWQyNTUxOQAAACBxPm0kM95rhC9YuwsYw/sD+eBn3BL/hlQV3Sjnb2FtYA
      AAAEDm4Lz/cK5StenQgieWTjUXrF1gDqfLIPllhYXPcMQ6XXE+bSQz3muEL1i7CxjD+wP5
      4GfcEv+GVBXdKOdvYW1gAAAAC3NhbHRlcm5AZGV2AQI=
      -----END OPENSSH PRIVATE KEY-----
