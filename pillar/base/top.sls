# Which minion gets which pillar: by its id and the roles that site.yaml gives it, never by a
# grain. A secret goes to the roles that use it and to no other; the folder `secrets` is not here:
# it comes from a private tree, or from pillar/dev with fake ones.
{% import_yaml 'site.yaml' as site %}
{% set of_role = {
  'salt-master': ['saltern.master', 'standin', 'secrets.salt_master'],
  'gerrit': ['saltern.gerrit', 'gerrit', 'secrets.gerrit'],
  'git-mirror': ['saltern.mirror', 'secrets.mirror'],
  'logs': ['logs'],
  'artifacts': ['artifacts'],
  'database': ['secrets.database'],
  'zuul-scheduler': ['zuul', 'secrets.zuul', 'secrets.database'],
  'zuul-web': ['zuul', 'secrets.zuul', 'secrets.database'],
  'zuul-executor': ['zuul', 'secrets.zuul', 'secrets.zuul_executor'],
  'zuul-launcher': ['zuul', 'secrets.zuul'],
  'test-node': ['test_node'],
} %}
{% set files = ['site', 'roles', 'common'] %}
{% for role in site.hosts.get(opts.id, {}).get('roles', []) %}
{% do files.extend(of_role.get(role, [])) %}
{% endfor %}
base:
  '{{ opts.id }}':
    {{ files | unique | list | json }}
