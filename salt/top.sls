# The components of the host's roles. The pillar says the roles, by minion id (pillar/base/top.sls);
# one that roles.yaml does not know is refused by `hostnames`.
{% import_yaml 'roles.yaml' as table %}
{% set components = [] %}
{% for role in ['base'] + pillar.get('roles', []) %}
{% do components.extend(table.get(role, {}).get('components', [])) %}
{% endfor %}
base:
  '*': {{ components | unique | list | json }}
