# Settings of the components that every host has; each component's keys are listed in
# docs/pillar.md. A file of the same name in your private tree takes this one's place.
{}
