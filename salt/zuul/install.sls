{% from tpldir ~ '/map.jinja' import zuul with context %}
{% from tpldir ~ '/venv.jinja' import folder with context %}

zuul-packages:
  pkg.installed:
    - pkgs: [bubblewrap, git, openssh-client, procps, python3-venv, rsync]
    - install_recommends: False

zuul-builder:
  file.managed:
    - name: /usr/local/lib/saltern/zuul-venv
    - source: salt://zuul/files/zuul-venv
    - makedirs: True
    - mode: '0755'

zuul-ready:
  file.managed:
    - name: /usr/local/lib/saltern/zuul-ready
    - source: salt://zuul/files/zuul-ready
    - makedirs: True
    - mode: '0755'

zuul-folder:
  file.directory:
    - name: /opt/zuul
    - mode: '0755'

zuul-requirements:
  file.managed:
    - name: {{ folder }}.txt
    - source: salt://zuul/files/requirements.txt
    - template: jinja
    - context:
        packages: {{ ['zuul==' ~ zuul.version, 'zuul-client==' ~ zuul.client_version] | json }}
    - mode: '0644'
    - require:
      - file: zuul-folder

zuul-constraints:
  file.managed:
    - name: {{ folder }}.constraints.txt
    {% if zuul.constraints %}
    - source: {{ zuul.constraints }}
    {% else %}
    - contents: ''
    {% endif %}
    - mode: '0644'
    - require:
      - file: zuul-folder

zuul-venv:
  cmd.run:
    - name: >-
        /usr/local/lib/saltern/zuul-venv {{ folder }} {{ folder }}.txt
        {{ folder }}.constraints.txt {{ zuul.wheels }}
    - creates: {{ folder }}/.complete
    - require:
      - pkg: zuul-packages
      - file: zuul-builder
      - file: zuul-requirements
      - file: zuul-constraints

zuul-current:
  file.symlink:
    - name: /opt/zuul/current
    - target: {{ folder }}
    - require:
      - cmd: zuul-venv
