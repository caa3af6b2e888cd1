import Foundation

/// Writes a line to standard error, where diagnostics belong.
func standardError(_ text: String) {
    FileHandle.standardError.write(Data((text + "\n").utf8))
}
