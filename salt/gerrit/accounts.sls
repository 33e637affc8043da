{% from tpldir ~ '/map.jinja' import gerrit with context %}

gerrit-reachable:
  gerrit_site.up:
    - name: https://{{ salt['pillar.get']('site:services:gerrit') }}
    - seconds: 60
    - require:
      - service: nginx
      - gerrit_site: gerrit-administrator

gerrit-ci-group:
  gerrit.group_present:
    - name: {{ gerrit.ci_group | json }}
    - require:
      - gerrit_site: gerrit-reachable

{% for username, account in gerrit.accounts | dictsort %}
gerrit-account-{{ username }}:
  gerrit.account_present:
    - name: {{ username }}
    - full_name: {{ account.name | default(username) | json }}
    - email: {{ account.email | default(none) | json }}
    - groups: {{ account.groups | default([]) | json }}
    - ssh_keys: {{ account.ssh_keys | default([]) | json }}
    - password_pillar: {{ ('gerrit:accounts:' ~ username ~ ':password') if account.password is defined else 'null' }}
    - require:
      - gerrit: gerrit-ci-group
{% endfor %}
