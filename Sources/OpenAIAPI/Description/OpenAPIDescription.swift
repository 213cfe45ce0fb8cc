// SPDX-License-Identifier: Apache-2.0

/// The API in the words of OpenAPI 3.1, for `GET /openapi.json`.
package enum OpenAPIDescription {
    /// The response body.
    package static var body: [UInt8] { PackageResources.openapi_json }
}
