{% from tpldir ~ '/map.jinja' import zuul with context %}
{% from tpldir ~ '/venv.jinja' import folder with context %}
{% set slots = folder ~ '/lib/zuul/ansible' %}
{% set version = zuul.ansible.versions[0] %}

include:
  - zuul.install

zuul-ansible-requirements:
  file.managed:
    - name: {{ folder }}-ansible.txt
    - source: salt://zuul/files/requirements.txt
    - template: jinja
    - context:
        packages: {{ zuul.ansible.packages | json }}
    - mode: '0644'
    - require:
      - file: zuul-folder

zuul-ansible-slots:
  file.directory:
    - name: {{ slots }}
    - makedirs: True
    - mode: '0755'
    - require:
      - cmd: zuul-venv

zuul-ansible-venv:
  cmd.run:
    - name: >-
        /usr/local/lib/saltern/zuul-venv {{ slots }}/{{ version }}
        {{ folder }}-ansible.txt {{ folder }}.constraints.txt {{ zuul.wheels }}
    - creates: {{ slots }}/{{ version }}/.complete
    - require:
      - file: zuul-ansible-slots
      - file: zuul-ansible-requirements

{% for other in zuul.ansible.versions[1:] %}
zuul-ansible-{{ other }}:
  file.symlink:
    - name: {{ slots }}/{{ other }}
    - target: {{ version | json }}
    - require:
      - cmd: zuul-ansible-venv
{% endfor %}
