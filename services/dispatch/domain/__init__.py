"""Pure rules of dispatch: states, orders, clocks. Functions take what is and return what should be; nothing is read or written."""
