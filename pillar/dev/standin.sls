# The master offers the stand-in for Gerrit (lab/gerrit) to the Gerrit host.
gerrit_standin: true
