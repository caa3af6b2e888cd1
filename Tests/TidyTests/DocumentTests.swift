import Testing

/// What the pages say of the repository is so.
@Suite struct DocumentTests {
    @Test(arguments: pages)
    func `links to what exists`(page: String) throws {
        let text = try #require(Repository.text(of: page))
        let folder = page.split(separator: "/").dropLast().joined(separator: "/")
        for match in text.matches(of: /\]\(([^)#\s]+)(?:#[^)]*)?\)/) where !match.1.contains(":") {
            let target = resolve(String(match.1), in: folder)
            #expect(Repository.has(target), "\(page): \(match.1) is not there")
        }
    }

    @Test(arguments: pages)
    func `names files and folders that exist`(page: String) throws {
        let text = try #require(Repository.text(of: page))
        for match in text.matches(
            of: /\b(?:Sources|Tests|Benchmarks|Torture|docs|scripts|config|systemd)\/[\w+.\/-]*\w/)
        {
            #expect(Repository.has(String(match.0)), "\(page): \(match.0) is not there")
        }
    }

    @Test(arguments: pages)
    func `names tests that exist`(page: String) throws {
        let text = try #require(Repository.text(of: page))
        let suites = SourceFile.all.filter { $0.path.hasPrefix("Tests/") }.flatMap(\.code)
        for match in text.matches(of: /`(\w+Tests)`/) {
            let isTarget = Repository.has("Tests/\(match.1)")
            let isSuite = suites.contains { $0.contains("struct \(match.1)") }
            #expect(isTarget || isSuite, "\(page): there is no \(match.1)")
        }
    }

    /// Every row of the page's tables ends with the tests that show what it says.
    @Test func `names in docs-event-log's tables tests that exist, a row at least one`() throws {
        let page = try #require(Repository.text(of: "docs/event-log.md"))
        let suites = SourceFile.all.filter { $0.path.hasPrefix("Tests/") }
        let lines = suites.flatMap(\.lines)
        let names = Set(
            lines.flatMap { $0.matches(of: /func `([^`]+)`\(/).map { String($0.1) } })
        #expect(names.count > 300)
        let rows = page.split(separator: "\n").filter { $0.hasPrefix("| ") }
        for row in rows
        where !["| form |", "| what |", "| life |", "| damage |"].contains(where: row.hasPrefix) {
            let cell = row.split(separator: "|").last { !$0.trimmingPrefix(" ").isEmpty } ?? ""
            let named = cell.matches(of: /`([^`]+)`/).map { String($0.1) }
            #expect(!named.isEmpty, "no test in the row \(row)")
            for name in named { #expect(names.contains(name), "there is no test `\(name)`") }
        }
        #expect(rows.count >= 50)
    }

    @Test(arguments: pages)
    func `keeps to lines that fit`(page: String) throws {
        let text = try #require(Repository.text(of: page))
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false)
            .enumerated()
        where line.count > 110 && !exempt.contains(where: line.contains) && !line.hasPrefix("    ")
        {
            Issue.record("\(page):\(index + 1): \(line.count) columns; the limit is 110")
        }
    }

    @Test func `numbers the decisions without gaps`() {
        let numbers = Repository.names(in: "docs/decisions").map { String($0.prefix(4)) }
        let wanted = (1...max(1, numbers.count)).map { number in
            String(repeating: "0", count: 4 - "\(number)".count) + "\(number)"
        }
        #expect(numbers == wanted)
    }

    @Test func `names every column of the stats part in docs-profile`() throws {
        let page = try #require(Repository.text(of: "docs/profile.md"))
        let rows = page.matches(of: /(?m)^\| *(\d+) *\|/).compactMap { Int($0.1) }
        #expect(rows == Array(0..<48))
        let source = try #require(Repository.text(of: "Sources/Profiles/StatsPart.swift"))
        let list = try #require(
            source.firstMatch(of: /static let columns(.*?)\n\n/.dotMatchesNewlines()))
        let quoted = list.1.matches(of: /"((?:\\.|[^"\\])+)"/).map { String($0.1) }
        let names = quoted.filter { !$0.contains("\\") }
        #expect(names.count > 30)
        for name in names {
            #expect(page.contains(" | \(name)"), "the page lacks the column \(name)")
        }
    }

    @Test func `shows every target in ARCHITECTURE`() throws {
        let page = try #require(Repository.text(of: "ARCHITECTURE.md"))
        for target in Repository.names(in: "Sources") {
            #expect(page.contains("`\(target)`"), "\(target) is not in ARCHITECTURE.md")
        }
    }

    private func resolve(_ link: String, in folder: String) -> String {
        var parts = folder.split(separator: "/").map(String.init)
        for part in link.split(separator: "/").map(String.init) where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        return parts.joined(separator: "/")
    }
}

/// Rows of tables and lines with a link may be longer.
private let exempt = ["|", "]("]

/// Every Markdown page.
private let pages: [String] =
    Repository.names(in: "").filter { $0.hasSuffix(".md") }
    + ["docs", "Tests", "scripts"].flatMap(Repository.files(under:))
    .filter { $0.hasSuffix(".md") }
