import Daemon
import Foundation
import Logging
import Storage
import Synchronization
import TestSupport
import Testing

@Suite struct JournalLogHandlerTests {
    @Test func `sends text, priority and fields to the journal`() async throws {
        let directory = try TemporaryDirectory()
        let (path, mark) = (directory.path + "/journal", directory.path + "/bound")
        async let heard = Child.python(
            """
            import socket, sys
            s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            s.bind(sys.argv[1])
            s.settimeout(60)
            open(sys.argv[2], "w").close()
            for _ in range(2):
                sys.stdout.write(s.recv(65536).decode() + "--\\n")
            """, [path, mark])
        try await ServerFixture.until("Python") { try RealDisk().status(mark) != nil }
        let journal = try #require(Journal(path: path))
        var logger = Logger(label: "ubpd") { label in
            JournalLogHandler(journal: journal, label: label) { Issue.record("not sent: \($0)") }
        }
        logger.logLevel = .notice
        logger.notice("control request", metadata: ["method": "drain", "exit-code": "0"])
        logger.info("too low")
        logger[metadataKey: "role"] = "reader"
        logger.error("refused")
        let entries = try await heard.output.components(separatedBy: "--\n")
        #expect(
            entries.first == """
                MESSAGE=control request exit-code=0 method=drain
                PRIORITY=5
                SYSLOG_IDENTIFIER=ubpd
                UBPD_EXIT_CODE=0
                UBPD_METHOD=drain

                """)
        #expect(entries.dropFirst().first?.contains("PRIORITY=3\n") == true)
        #expect(entries.dropFirst().first?.contains("UBPD_ROLE=reader\n") == true)
        _ = consume directory
    }

    @Test func `says it on standard error, with its priority, when the journal is not there`() {
        let said = Mutex<[String]>([])
        guard let journal = Journal(path: "/nonexistent/journal") else {
            Issue.record("a path is a path")
            return
        }
        let logger = Logger(label: "ubpd") { label in
            JournalLogHandler(journal: journal, label: label) { line in
                said.withLock { $0.append(line) }
            }
        }
        logger.warning("who listens?")
        #expect(said.withLock { $0 } == ["<4>who listens?"])
    }
}
