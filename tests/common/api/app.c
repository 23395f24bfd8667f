#include "unit.h"

CU_TestInfo api_app_tests[] = {
	CU_TEST_INFO_NULL,
};
