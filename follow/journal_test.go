package follow_test

const journalVariable = "FOLLOW_TEST_JOURNAL"

func fakeJournalctl(script string, args []string) int { return 1 }
