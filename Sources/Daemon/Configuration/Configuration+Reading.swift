import Storage
import Yams

extension Configuration {
    /// Bytes of a configuration file, at most.
    static let fileByteCount = 1 << 20

    /// Reads a file over the defaults, then the overrides over both.
    ///
    /// Without a path that is `/etc/ubpd/ubpd.yaml` if there is one, else nothing. Overrides are
    /// keys such as `order.lateness_seconds` with their values as text, from flags, in order.
    package static func load(
        path: String?, overrides: [(key: String, value: String)] = [], disk: any Disk
    ) throws(ConfigurationError) -> Configuration {
        let text = try text(path: path, disk: disk)
        return try Configuration(
            yaml: text.yaml, source: text.source ?? "defaults", overrides: overrides)
    }

    /// The text of the file that counts, and its name; empty without one.
    static func text(
        path: String?, disk: any Disk
    ) throws(ConfigurationError) -> (yaml: String, source: String?) {
        let standard = "/etc/ubpd/ubpd.yaml"
        var chosen = path
        if chosen == nil, try exists(standard, disk) { chosen = standard }
        guard let chosen else { return ("", nil) }
        return (try read(chosen, disk), chosen)
    }

    /// Parses YAML text over the defaults, then the overrides, and checks the whole.
    ///
    /// `source` is the file's name for messages.
    package init(
        yaml text: String, source: String, overrides: [(key: String, value: String)] = []
    ) throws(ConfigurationError) {
        self.init()
        var reader = ConfigurationReader(source: source)
        reader.readDocument(text, into: &self)
        for (key, value) in overrides { reader.override(key, with: value, in: &self) }
        if reader.problems.isEmpty { reader.checkCombinations(of: self) }
        guard reader.problems.isEmpty else { throw .invalid(reader.problems) }
    }

    private static func exists(_ path: String, _ disk: any Disk) throws(ConfigurationError) -> Bool
    {
        do { return try disk.status(path) != nil } catch {
            throw .unreadable(path: path, reason: error.description)
        }
    }

    private static func read(_ path: String, _ disk: any Disk) throws(ConfigurationError) -> String
    {
        var bytes: [UInt8] = []
        do throws(StorageError) {
            let file = try disk.open(path, .read)
            while bytes.count <= fileByteCount {
                let count = try file.read(
                    fileByteCount + 1 - bytes.count, at: Int64(bytes.count), into: &bytes)
                guard count > 0 else { break }
            }
        } catch {
            throw .unreadable(path: path, reason: error.description)
        }
        guard bytes.count <= fileByteCount else {
            throw .unreadable(path: path, reason: "more than \(fileByteCount) bytes")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw .unreadable(path: path, reason: "not UTF-8 text")
        }
        return text
    }
}

/// Walks a YAML document along the table of keys and collects what is wrong.
struct ConfigurationReader {
    private let source: String
    private(set) var problems: [ConfigurationError.Problem] = []
    /// Where each key was set: its line, or nil when by a flag.
    private(set) var lines: [String: Int?] = [:]
    private let keys = Dictionary(
        uniqueKeysWithValues: ConfigurationKey.all.map { ($0.path, $0) })
    private let sections = Set(
        ConfigurationKey.all.flatMap { key in
            let names = key.path.split(separator: ".")
            return (1..<names.count).map { names[..<$0].joined(separator: ".") }
        })

    init(source: String) { self.source = source }

    mutating func readDocument(_ text: String, into configuration: inout Configuration) {
        do {
            guard let root = try Yams.compose(yaml: text) else { return }
            if case .scalar = root, root.text == nil { return }
            guard let mapping = root.mapping else {
                report(root.mark?.line, nil, "want sections and keys, not \(root.shown)")
                return
            }
            readSection(mapping, path: "", into: &configuration)
        } catch let error as YamlError {
            report(error)
        } catch {
            report(nil, nil, "\(error)")
        }
    }

    private mutating func readSection(
        _ mapping: Node.Mapping, path: String, into configuration: inout Configuration
    ) {
        for (name, value) in mapping {
            let line = name.mark?.line
            guard let text = name.text else {
                report(line, nil, "a key must be text, not \(name.shown)")
                continue
            }
            let key = path.isEmpty ? text : "\(path).\(text)"
            if let known = keys[key] {
                take(value, for: known, line: line, into: &configuration)
            } else if sections.contains(key) {
                if let inner = value.mapping {
                    readSection(inner, path: key, into: &configuration)
                } else if value.text != nil || value.sequence != nil {
                    report(line, key, "want a section with keys, not \(value.shown)")
                }
            } else {
                report(line, key, unknown(key))
            }
        }
    }

    private mutating func take(
        _ value: Node, for key: ConfigurationKey, line: Int?,
        into configuration: inout Configuration
    ) {
        lines[key.path] = .some(line)
        if let misfit = key.take(value, &configuration) {
            report(misfit.mark?.line ?? line, key.path, "want \(key.want), not \(misfit.shown)")
        }
    }

    /// Sets one key from a flag's text.
    mutating func override(
        _ key: String, with text: String, in configuration: inout Configuration
    ) {
        guard let known = keys[key] else {
            report(nil, key, unknown(key))
            return
        }
        lines[key] = .some(nil)
        let plain = Node.scalar(.init(text, .implicit, .plain))
        guard known.take(plain, &configuration) != nil else { return }
        let node = (try? Yams.compose(yaml: text)) ?? plain
        if let misfit = known.take(node, &configuration) {
            report(nil, key, "want \(known.want), not \(misfit.shown)")
        }
    }

    mutating func report(_ line: Int?, _ key: String?, _ message: String) {
        problems.append(.init(source: source, line: line, key: key, message: message))
    }

    /// Reports a combination that cannot work, at the line of the first of `keys` that was set.
    mutating func report(combination keys: String..., message: String) {
        let set = keys.first { lines[$0] != nil } ?? keys[0]
        report(lines[set] ?? nil, set, message)
    }

    private mutating func report(_ error: YamlError) {
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            report(mark.line, nil, "not YAML: \(problem)")
        case .duplicatedKeysInMapping(let duplicates, let context):
            report(
                context.mark.line, duplicates.joined(separator: ", "),
                "stands here and again below; keep one")
        case .reader(let problem, _, _, _):
            report(nil, nil, "not YAML: \(problem)")
        default:
            report(nil, nil, "not YAML: \(error)")
        }
    }

    private func unknown(_ key: String) -> String {
        let nearest = (keys.keys.sorted() + sections.sorted())
            .map { (name: $0, distance: editDistance(key, $0)) }
            .min { $0.distance < $1.distance }
        guard let nearest, nearest.distance <= max(3, key.count / 2) else {
            return "unknown key; `ubpd check-config --keys` lists those there are"
        }
        return "unknown key; did you mean `\(nearest.name)`?"
    }
}

/// Insertions, deletions, replacements and swaps of neighbours between two texts
/// (optimal string alignment; Damerau 1964, doi:10.1145/363958.363994).
///
/// Only the first 100 bytes of each count, so the time is bounded.
package func editDistance(_ left: String, _ right: String) -> Int {
    let a = Array(left.utf8.prefix(100))
    let b = Array(right.utf8.prefix(100))
    var before: [Int] = []
    var above = Array(0...b.count)
    for i in a.indices {
        var row = [i + 1]
        for j in b.indices {
            var best = min(row[j] + 1, above[j + 1] + 1, above[j] + (a[i] == b[j] ? 0 : 1))
            if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
                best = min(best, before[j - 1] + 1)
            }
            row.append(best)
        }
        before = above
        above = row
    }
    return above[b.count]
}
