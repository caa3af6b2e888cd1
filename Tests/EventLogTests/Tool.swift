import Foundation

/// Runs the real tools that other writers use.
enum Tool {
    /// Runs a program found in PATH and returns what it wrote; nil when it failed.
    static func run(_ arguments: [String]) throws -> [UInt8]? {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        try process.run()
        let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return process.terminationStatus == 0 ? Array(output) : nil
    }

    /// A script of Tests/Golden.
    static func golden(_ name: String) -> String {
        URL(filePath: #filePath).appending(path: "../../Golden/\(name)").standardized.path
    }
}
