# The accounts that upload artifacts (salt/artifacts); only jobs of protected pipelines may hold
# the key of a public one.
artifacts:
  contexts:
    check: {public: false, keys: []}
    release: {public: true, keys: []}
