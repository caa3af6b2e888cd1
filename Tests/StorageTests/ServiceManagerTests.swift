import Storage
import Testing

@Suite struct ServiceManagerTests {
    @Test(
        arguments: [
            ("7", "1", [3]), ("7", "3", [3, 4, 5]), ("8", "1", []), ("7", "0", []), ("7", "65", []),
            ("7", "-1", []), ("7", "x", []), ("", "1", []), ("7", "99999999999", []),
        ] as [(String, String, [Int32])])
    func `takes the descriptors that were meant for it`(
        pid: String, count: String, expected: [Int32]
    ) {
        #expect(ServiceManager.passedSockets(pid: pid, count: count, own: 7) == expected)
    }

    @Test func `takes none when none are spoken of`() {
        #expect(ServiceManager.passedSockets(pid: nil, count: "1", own: 7).isEmpty)
        #expect(ServiceManager.passedSockets(pid: "7", count: nil, own: 7).isEmpty)
        #expect(ServiceManager(notifySocket: nil).passedSockets.isEmpty)
    }
}

@Suite struct JournalTests {
    // https://systemd.io/JOURNAL_NATIVE_PROTOCOL: "FIELD=value\n", or "FIELD\n", a little-endian
    // 64-bit length, the value and "\n".
    @Test func `writes the journal's form`() {
        let bytes = Journal.entry([("MESSAGE", "all well"), ("UBPD_TEXT", "a\nb")])
        let expected =
            Array("MESSAGE=all well\nUBPD_TEXT\n".utf8) + [3, 0, 0, 0, 0, 0, 0, 0]
            + Array("a\nb\n".utf8)
        #expect(bytes == expected)
    }

    @Test func `leaves out what is no field's name, and cuts what is too long`() {
        for name in ["", "lower", "_PID", "1ST", "WITH-DASH", String(repeating: "A", count: 65)] {
            #expect(Journal.entry([(name, "x")]).isEmpty, "\(name)")
        }
        let long = Journal.entry([("A", String(repeating: "x", count: 20_000))])
        #expect(long.count == "A=\n".utf8.count + Journal.valueByteLimit)
    }

    @Test func `knows that a test's standard error is no journal`() {
        #expect(Journal.ofStandardError() == nil)
        #expect(Journal(path: String(repeating: "x", count: 200)) == nil)
        #expect(Journal(path: "/nonexistent/journal")?.send([("MESSAGE", "x")]) == false)
    }
}
