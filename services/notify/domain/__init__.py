"""Pure rules of notify: who is told what (`telling`), in which words (`templates`), and when it can be said (`case`)."""
