import ArgumentParser
import ControlProtocol
import Foundation

/// The option of verbs that show how things stand.
struct WatchOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Ask again every so many seconds until interrupted; with --json a document a line.",
            valueName: "seconds"))
    var watch: Double?

    mutating func validate() throws {
        if let watch, !(watch >= 0.1 && watch <= 86_400) {
            throw ValidationError("--watch wants seconds from 0.1 to 86400")
        }
    }
}

extension ControlCommand {
    /// Asks once, or again and again.
    func watch(
        _ options: WatchOptions, _ method: Method, _ params: [JSONValue.Member] = [],
        words: (JSONValue) -> String
    ) async throws {
        guard let seconds = options.watch else {
            return try await ask(method, params, words: words)
        }
        let screen = Screen()
        while true {
            let result = try await result(of: method.rawValue, params)
            try screen.show(connection.json ? result.line : words(result), asLine: connection.json)
            try await Task.sleep(for: .seconds(seconds))
        }
    }
}

extension JSONValue {
    /// The text on one line.
    var line: String { String(decoding: encoded, as: UTF8.self) }
}

/// Standard output: a terminal that is drawn anew, or a stream to which texts are added.
struct Screen {
    /// Whether it can be drawn anew.
    let isTerminal: Bool
    /// Whether headings may be bold: a terminal, and no NO_COLOR (https://no-color.org).
    let isStyled: Bool

    init() {
        let environment = ProcessInfo.processInfo.environment
        isTerminal = isatty(STDOUT_FILENO) == 1 && environment["TERM"] != "dumb"
        isStyled = isTerminal && (environment["NO_COLOR"] ?? "").isEmpty
    }

    /// Shows a text in place of the one before it; where that cannot be, behind an empty line.
    ///
    /// - Parameters:
    ///   - text: without its last line end.
    ///   - asLine: whether it is one of many lines that a program reads, which are only added.
    /// - Throws: when standard output cannot be written.
    func show(_ text: String, asLine: Bool = false) throws(Failure) {
        let shown = isTerminal && !asLine ? frame(text) : text + (asLine ? "\n" : "\n\n")
        try StandardOutput.write(Array(shown.utf8))
    }

    /// A text from the upper left corner on, cut where the terminal ends; the cursor below it.
    ///
    /// Without wrapping (DECAWM), each line by its number (ECMA-48, CUP), cleared behind its text
    /// (EL), and all that is below (ED). A number beyond the last row means that row, which is so
    /// cleared in the end: a small terminal is never scrolled.
    private func frame(_ text: String) -> String {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let drawn = lines.enumerated().map { "\u{1B}[\($0 + 1);1H\($1)\u{1B}[K" }.joined()
        return "\u{1B}[?7l\(drawn)\u{1B}[\(lines.count + 1);1H\u{1B}[J\u{1B}[?7h"
    }

    /// A heading.
    func bold(_ text: String) -> String { isStyled ? "\u{1B}[1m\(text)\u{1B}[0m" : text }
}
