import Storage

/// Where each key of a configuration was set, for those who speak of it afterwards.
package struct ConfigurationPlaces: Sendable {
    /// The file that was read, if any.
    let source: String?
    /// Line by key, from 1; nil for a key that a flag has set.
    let lines: [String: Int?]

    /// Looks for the keys in the file that `Configuration.load` would read.
    package init(
        path: String?, overrides: [(key: String, value: String)] = [], disk: any Disk
    ) throws(ConfigurationError) {
        let text = try Configuration.text(path: path, disk: disk)
        var reader = ConfigurationReader(source: text.source ?? "defaults")
        var configuration = Configuration()
        reader.readDocument(text.yaml, into: &configuration)
        for (key, value) in overrides { reader.override(key, with: value, in: &configuration) }
        source = text.source
        lines = reader.lines
    }

    /// `FILE:LINE:KEY`, or what else the key's value comes from.
    package func place(of key: String) -> String {
        switch lines[key] {
        case .some(.some(let line)): "\(source ?? "file"):\(line):\(key)"
        case .some(.none): "flag:\(key)"
        case .none: "default:\(key)"
        }
    }
}
