import Foundation

/// A program run to its end, off the threads that async tests share.
package struct Child: Sendable {
    /// A program ended otherwise than a test needs it to.
    package struct Failure: Error {
        package var status: Int32
        /// What it complained of.
        package var error: String
    }

    /// What it exited with, or the signal that ended it.
    package var status: Int32
    /// All of its standard output.
    package var bytes: [UInt8]
    /// All of its standard error.
    package var error: String

    /// Its standard output as text.
    package var output: String { String(decoding: bytes, as: UTF8.self) }

    /// Runs `arguments[0]`, looked up in PATH, with `input` on its standard input.
    package static func run(_ arguments: [String], input: String = "") async throws -> Child {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                continuation.resume(with: Result { try wait(arguments, Data(input.utf8)) })
            }
        }
    }

    /// Runs a program text in Python.
    package static func python(
        _ program: String, _ arguments: [String] = [], input: String = ""
    )
        async throws -> Child
    {
        try await run(["python3", "-c", program] + arguments, input: input)
    }

    /// Itself when it exited with 0.
    ///
    /// - Throws: `Failure` otherwise.
    package func successful() throws -> Child {
        guard status == 0 else { throw Failure(status: status, error: error) }
        return self
    }

    private static func wait(_ arguments: [String], _ input: Data) throws -> Child {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = arguments
        let (standardInput, output, error) = (Pipe(), Pipe(), Pipe())
        process.standardInput = standardInput
        process.standardOutput = output
        process.standardError = error
        try process.run()
        // A thread of its own, so that neither side waits for the other with a full pipe.
        Thread.detachNewThread {
            try? standardInput.fileHandleForWriting.write(contentsOf: input)
            try? standardInput.fileHandleForWriting.close()
        }
        let bytes = try output.fileHandleForReading.readToEnd() ?? Data()
        let complaint = try error.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return Child(
            status: process.terminationStatus, bytes: Array(bytes),
            error: String(decoding: complaint, as: UTF8.self))
    }
}
