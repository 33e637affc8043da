{% from tpldir ~ '/map.jinja' import gerrit with context %}
{% from tpldir ~ '/settings.jinja' import settings with context %}

gerrit-config:
  file.managed:
    - name: {{ gerrit.site }}/etc/gerrit.config
    - source: salt://gerrit/files/sections
    - template: jinja
    - context:
        sections: {{ settings | json }}
    - user: gerrit
    - group: gerrit
    - mode: '0640'
    - require:
      - file: gerrit-site/etc

gerrit-secure-config:
  file.managed:
    - name: {{ gerrit.site }}/etc/secure.config
    - source: salt://gerrit/files/sections
    - template: jinja
    - context:
        sections: {{ gerrit.secure | json }}
    - user: gerrit
    - group: gerrit
    - mode: '0600'
    - show_changes: False
    - require:
      - file: gerrit-site/etc

gerrit-ssh-host-key:
  file.managed:
    - name: {{ gerrit.site }}/etc/ssh_host_ed25519_key
    - contents_pillar: gerrit:ssh_host_key
    - user: gerrit
    - group: gerrit
    - mode: '0600'
    - show_changes: False
    - require:
      - file: gerrit-site/etc
