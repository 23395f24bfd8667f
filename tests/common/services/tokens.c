#include "unit.h"

CU_TestInfo services_tokens_tests[] = {
	CU_TEST_INFO_NULL,
};
