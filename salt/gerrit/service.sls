{% from tpldir ~ '/map.jinja' import gerrit with context %}
{% from tpldir ~ '/settings.jinja' import command, url with context %}

gerrit-unit:
  file.managed:
    - name: /etc/systemd/system/gerrit.service
    - source: salt://gerrit/files/gerrit.service
    - template: jinja
    - context:
        command: {{ command | json }}
        site: {{ gerrit.site }}
        wars: {{ gerrit.wars }}
    - mode: '0644'

gerrit:
  service.running:
    - enable: True
    - require:
      - gerrit_site: gerrit-release
    - watch:
      - file: gerrit-unit
      - file: gerrit-config
      - file: gerrit-secure-config
      - file: gerrit-ssh-host-key

gerrit-up:
  gerrit_site.up:
    - name: {{ url }}
    - seconds: {{ gerrit.up_seconds }}
    - require:
      - service: gerrit

gerrit-administrator:
  gerrit_site.administrator:
    - name: {{ url }}
    - email: saltern@{{ salt['pillar.get']('site:domain') }}
    - require:
      - gerrit_site: gerrit-up
