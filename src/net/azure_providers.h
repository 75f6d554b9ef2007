/** Where tokens for Azure are fetched; one function a place, all of them credential_provider.fetch.
 * Of azure_credentials.c alone. */
#ifndef KTKI_NET_AZURE_PROVIDERS_H
#define KTKI_NET_AZURE_PROVIDERS_H

#include "net/credential_chain.h"

/** credential.texts; one of them is set. */
enum { AZURE_TEXT_TOKEN, AZURE_TEXT_KEY, AZURE_TEXT_SAS };

ktk_status ktki_azure_fetch_workload(const struct credential_chain *chain, struct credential *out,
                                     ktk_error *err);
ktk_status ktki_azure_fetch_client_secret(const struct credential_chain *chain,
                                          struct credential *out, ktk_error *err);
/** Of App Service, Functions and Container Apps, by IDENTITY_ENDPOINT. */
ktk_status ktki_azure_fetch_service_identity(const struct credential_chain *chain,
                                             struct credential *out, ktk_error *err);
/** Of virtual machines and Kubernetes, by the instance's metadata. */
ktk_status ktki_azure_fetch_machine_identity(const struct credential_chain *chain,
                                             struct credential *out, ktk_error *err);
/** What `az login` has left. */
ktk_status ktki_azure_fetch_cli(const struct credential_chain *chain, struct credential *out,
                                ktk_error *err);

#endif
