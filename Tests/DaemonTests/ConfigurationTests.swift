import Daemon
import Foundation
import Storage
import Testing

@Suite struct ConfigurationTests {
    private let file = URL(filePath: #filePath).appending(path: "../../../config/ubpd.yaml")
        .standardized.path

    private func problems(
        _ yaml: String, _ overrides: [(key: String, value: String)] = []
    ) -> [ConfigurationError.Problem] {
        do throws(ConfigurationError) {
            _ = try Configuration(yaml: yaml, source: "f.yaml", overrides: overrides)
            return []
        } catch {
            guard case .invalid(let problems) = error else { return [] }
            return problems
        }
    }

    @Test func `ships a file in which every key stands with its default and its meaning`() throws {
        let disk = RealDisk()
        #expect(try Configuration.load(path: file, disk: disk) == Configuration())
        let lines = try String(contentsOfFile: file, encoding: .utf8).split(
            separator: "\n", omittingEmptySubsequences: false)
        var sections: [Substring] = []
        var comment = ""
        var found: [String] = []
        for line in lines {
            let text = line.trimmingCharacters(in: .whitespaces)
            if text.hasPrefix("#") {
                comment += text.dropFirst(2) + " "
                continue
            }
            if let colon = text.firstIndex(of: ":") {
                sections = sections.prefix((line.count - line.drop { $0 == " " }.count) / 2) + []
                let name = (sections + [text[..<colon]]).joined(separator: ".")
                if text.hasSuffix(":") {
                    sections.append(text[..<colon])
                } else {
                    let key = try #require(
                        ConfigurationKey.all.first { $0.path == name }, "\(name)")
                    let want = key.want.prefix(1).uppercased() + key.want.dropFirst()
                    #expect(comment.contains("\(key.summary) \(want). "), "\(name): \(comment)")
                    #expect(text == "\(text[..<colon]): \(key.text(Configuration()))")
                    found.append(name)
                }
            }
            comment = ""
        }
        #expect(found == ConfigurationKey.all.map(\.path))
    }

    @Test func `takes nothing for the defaults`() throws {
        for yaml in ["", "# nothing\n", "---\n", "{}", "order:\n", "order: {}\n"] {
            #expect(try Configuration(yaml: yaml, source: "f") == Configuration())
        }
    }

    @Test func `reads every type of value`() throws {
        let read = try Configuration(
            yaml: """
                log_dir: /a
                order: {lateness_seconds: 1_000}
                sessions:
                  rule: cap
                control:
                  mode: 0600
                  readers: [user:alice, "group:staff", 1000, user:7]
                log: {reader: {grace_seconds: 0}}
                """, source: "f")
        #expect(read.logDirectory == "/a" && read.order.latenessSeconds == 1000)
        #expect(read.sessions.rule == .cap && read.control.mode == 0o600)
        #expect(
            read.control.readers == [
                .userName("alice"), .groupName("staff"), .userNumber(1000), .userNumber(7),
            ])
        #expect(read.log.reader.graceSeconds == 0)
    }

    @Test(
        arguments: [
            (
                "order:\n  latness_seconds: 3\n", 2, "order.latness_seconds",
                "`order.lateness_seconds`"
            ),
            ("lateness_seconds: 3\n", 1, "lateness_seconds", "`order.lateness_seconds`"),
            ("\n\nodrer:\n  pending_events: 1\n", 3, "odrer", "`order`"),
            ("entirely_different_thing: 1\n", 1, "entirely_different_thing", "check-config --keys"),
            ("order: 5\n", 1, "order", "want a section"),
            ("log_dir:\n  a: 1\n", 2, "log_dir", "not a section"),
            ("- 1\n", 1, nil, "not a list"),
            ("1: 2\n", 1, "1", "unknown key"),
            ("? [a]\n: 1\n", 1, nil, "a key must be text"),
            ("order: {lateness_seconds: \"3\"}\n", 1, "order.lateness_seconds", "the text \"3\""),
            ("order: {lateness_seconds: 3.0}\n", 1, "order.lateness_seconds", "`3.0`"),
            ("order: {lateness_seconds: 0x10}\n", 1, "order.lateness_seconds", "`0x10`"),
            ("order: {lateness_seconds: -1}\n", 1, "order.lateness_seconds", "0…2592000"),
            (
                "order: {lateness_seconds: 99999999999999999999}\n", 1, "order.lateness_seconds",
                "want"
            ),
            ("order: {lateness_seconds: }\n", 1, "order.lateness_seconds", "nothing"),
            ("order: {lateness_seconds: [1]}\n", 1, "order.lateness_seconds", "a list"),
            ("sessions: {rule: gap}\n", 1, "sessions.rule", "inactivity, cap"),
            ("socket: \(String(repeating: "s", count: 91))\n", 1, "socket", "1…90 bytes"),
            ("control: {mode: 1777}\n", 1, "control.mode", "octal"),
            ("control: {mode: 0668}\n", 1, "control.mode", "octal"),
            ("control:\n  readers: [user:a,\n    nobody]\n", 3, "control.readers", "`nobody`"),
            ("control: {readers: alice}\n", 1, "control.readers", "want a list"),
            ("a: [\n", 2, nil, "not YAML"),
            ("a: b: c\n", 1, nil, "not YAML"),
            ("\tlog_dir: x\n", 1, nil, "not YAML"),
            ("log_dir: *x\n", 1, nil, "not YAML"),
            ("order:\n  pending_events: 1\n  pending_events: 2\n", 2, "pending_events", "again"),
            ("--- 1\n--- 2\n", 2, nil, "not YAML"),
        ] as [(String, Int?, String?, String)])
    func `names line, key and remedy of what is wrong`(
        yaml: String, line: Int?, key: String?, words: String
    ) throws {
        let problem = try #require(problems(yaml).first, "\(yaml) was taken")
        #expect(problem.line == line, "\(problem)")
        #expect(problem.key == key, "\(problem)")
        #expect(problem.message.contains(words), "\(problem)")
        #expect(problem.description.hasPrefix("f.yaml:"))
    }

    @Test func `finds all that is wrong at once`() {
        let found = problems("a: 1\norder: {lateness_seconds: x}\nlog: {level: loud}\n")
        #expect(found.map(\.line) == [1, 2, 3])
    }

    @Test(arguments: [
        ("events:\n  latest_seconds: 5\n  earliest_seconds: 6\n", 3, "events.earliest_seconds"),
        ("sessions: {max_duration_seconds: 100}\n", 1, "sessions.max_duration_seconds"),
        ("sessions:\n  gap_seconds: 50000\n", 2, "sessions.gap_seconds"),
        ("clock: {max_jump_seconds: 300}\n", 1, "clock.max_jump_seconds"),
        ("log: {reader: {chunk_bytes: 65536}}\n", 1, "log.reader.chunk_bytes"),
        ("control: {request_bytes: 1024}\n", 1, "control.request_bytes"),
        ("log_dir: /a/b\nstate_dir: /a//b/\n", 2, "state_dir"),
        ("log_dir: /a/b\nstate_dir: /a/b/c\n", 2, "state_dir"),
        ("socket: /var/lib/ubpd/log\n", 1, "socket"),
        ("metrics: {textfile: /tmp/ubpd.txt}\n", 1, "metrics.textfile"),
    ])
    func `refuses values that cannot stand together`(yaml: String, line: Int, key: String) throws {
        let problem = try #require(problems(yaml).first, "\(yaml) was taken")
        #expect(problem.line == line && problem.key == key, "\(problem)")
    }

    @Test func `lets flags win over the file, and checks them as well`() throws {
        let yaml = "log_dir: /file\norder: {lateness_seconds: 5}\n"
        let read = try Configuration(
            yaml: yaml, source: "f",
            overrides: [
                ("log_dir", "/flag"), ("order.lateness_seconds", "6"),
                ("control.readers", "[user:a]"), ("log_dir", "123"),
            ])
        #expect(read.logDirectory == "123" && read.order.latenessSeconds == 6)
        #expect(read.control.readers == [.userName("a")])
        let found = problems("", [("order.latenes_seconds", "1"), ("batch.records", "none")])
        #expect(found.map(\.key) == ["order.latenes_seconds", "batch.records"])
        #expect(found.allSatisfy { $0.line == nil })
    }

    @Test func `takes back the text of every key`() throws {
        for key in ConfigurationKey.all {
            let text = key.text(Configuration())
            let read = try Configuration(yaml: "", source: "f", overrides: [(key.path, text)])
            #expect(read == Configuration(), "\(key.path)")
        }
    }

    @Test func `says that a file cannot be read`() {
        for path in ["/nonexistent/ubpd.yaml", "/dev"] {
            #expect(throws: ConfigurationError.self) {
                try Configuration.load(path: path, disk: RealDisk())
            }
        }
    }

    // Damerau's optimal string alignment by hand: one swap, one insertion, kitten -> sitting is 3.
    @Test func `measures how far apart two words are`() {
        #expect(editDistance("odrer", "order") == 1)
        #expect(editDistance("latness", "lateness") == 1)
        #expect(editDistance("kitten", "sitting") == 3)
        #expect(editDistance("", "abc") == 3 && editDistance("abc", "abc") == 0)
    }
}
