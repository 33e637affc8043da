{% from tpldir ~ '/map.jinja' import gerrit with context %}

gerrit-ci-group:
  gerrit.group_present:
    - name: {{ gerrit.ci_group | json }}
    - require:
      - service: nginx
      - gerrit_site: gerrit-administrator

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
