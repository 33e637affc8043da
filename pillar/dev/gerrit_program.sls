# The Gerrit of the lab: the stand-in, which is not Gerrit. GERRIT_WAR puts another file here.
java:
  package: null
gerrit:
  program: [/opt/saltern/bin/python]
  war:
    version: 3.14.0-standin
    standin: true
