module pandastack.dev/testguest

go 1.26.3
