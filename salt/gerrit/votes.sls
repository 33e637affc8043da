{% from tpldir ~ '/map.jinja' import gerrit with context %}
{% set ours = salt['pillar.get']('saltern:service_group', 'Administrators') %}
{% set vote = 'label-' ~ gerrit.label %}
include:
  - gerrit.access
  - gerrit.accounts

gerrit-label:
  gerrit_site.label:
    - name: {{ gerrit.label }}
    - values: {-2: Fails, -1: Does not seem to work, 0: No score, 1: Works, 2: Verified}
    - require:
      - sls: gerrit.access

gerrit-votes:
  gerrit.access_present:
    - name: All-Projects
    - grants:
        refs/heads/*:
          {{ vote | json }}:
            {{ gerrit.ci_group | json }}: {min: -2, max: 2}
            {{ ours | json }}: {min: -1, max: 1}
          submit:
            {{ gerrit.ci_group | json }}: {}
    - require:
      - gerrit_site: gerrit-label
      - gerrit: gerrit-ci-group
